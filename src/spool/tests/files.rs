//! Real files, and damage to them.
