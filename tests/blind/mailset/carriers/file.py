"""A file that is to be attached; one that another program must still make."""

import dataclasses


@dataclasses.dataclass
class File:
    suffix: str
    kind: str
    octets: bytes
    stem: str = ""

    @property
    def name(self):
        return f"{self.stem}.{self.suffix}" if self.suffix else self.stem


@dataclasses.dataclass
class Pending:
    """`source` is yet to be converted to `suffix` by LibreOffice; `export` is
    its name for the filter, where the suffix alone does not say."""

    source: File
    suffix: str
    kind: str
    export: str = ""
