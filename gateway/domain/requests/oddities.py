"""What the one look at a body has seen that may have to be changed before the body goes upstream.

Searching a large body for a word costs more than reading it by type, so what may have to be done is
noticed while it is read. Whoever makes a change looks again, and thoroughly: here a doubt is
enough.
"""

import msgspec


class Oddities(msgspec.Struct, frozen=True, gc=False):
    """True: may be there. By default nothing is known."""

    has_travelled: bool = True
    """What a model of another protocol has sealed: portable.has_travelled."""
    is_unfit: bool = True
    """What fitting.fit changes for the caller's protocol."""
    has_stream_options: bool = True
    """What usage.asking has to look into."""


UNKNOWN = Oddities()
NONE = Oddities(has_travelled=False, is_unfit=False, has_stream_options=False)
