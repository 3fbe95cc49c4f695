"""Who may do what with a file on a share: carried over from one file to another as the server writes it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import smbclient
from smbprotocol.file_info import InfoType
from smbprotocol.open import FilePipePrinterAccessMask, SMB2QueryInfoRequest, SMB2QueryInfoResponse, SMB2SetInfoRequest

from plexcut.storage.smb.share import Link

_DACL = 4
_MOST_BYTES = 65_536


def copy_permissions(link: Link, of: PurePosixPath, to: PurePosixPath) -> None:
    """Give one file the access list of another."""
    access = FilePipePrinterAccessMask
    with _opened(link, of, access.READ_CONTROL) as file:
        query = SMB2QueryInfoRequest()
        query["info_type"] = InfoType.SMB2_0_INFO_SECURITY
        query["output_buffer_length"] = _MOST_BYTES
        query["additional_information"] = _DACL
        query["file_id"] = file.fd.file_id
        answer = SMB2QueryInfoResponse()
        answer.unpack(_sent(file.fd, query)["data"].get_value())
        found = answer["buffer"].get_value()
    with _opened(link, to, access.READ_CONTROL | access.WRITE_DAC) as file:
        wish = SMB2SetInfoRequest()
        wish["info_type"] = InfoType.SMB2_0_INFO_SECURITY
        wish["additional_information"] = _DACL
        wish["file_id"] = file.fd.file_id
        wish["buffer"] = found
        _sent(file.fd, wish)


def _opened(link: Link, path: PurePosixPath, access: int) -> Any:
    return link.ask(smbclient.open_file, path, mode="rb", buffering=0, share_access="rwd", desired_access=access)


def _sent(handle: Any, message: Any) -> Any:
    tree = handle.tree_connect
    request = handle.connection.send(message, sid=tree.session.session_id, tid=tree.tree_connect_id)
    return handle.connection.receive(request)
