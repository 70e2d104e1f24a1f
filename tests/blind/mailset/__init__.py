"""Mail nobody tunes to: made by seed, each message with what a careful reader
would say of it.

What people write stands in `cases/`, what they write about in `words/`, and how
it travels in `carriers/`. The classifier's authors read none of the three.
"""
