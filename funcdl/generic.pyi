from typing import Any

from typing_extensions import TypeVar

ParamsT = TypeVar("ParamsT", default=Any)
XT = TypeVar("XT", default=Any)
YT = TypeVar("YT", default=Any)

ParamsT_co = TypeVar("ParamsT_co", covariant=True, default=Any)
XT_co = TypeVar("XT_co", covariant=True, default=Any)
YT_contra = TypeVar("YT_contra", contravariant=True, default=Any)
