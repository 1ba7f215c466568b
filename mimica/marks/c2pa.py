"""Content Credentials (C2PA): a signed manifest in the file, which says who made it from what, and breaks if the pixels change.

The photo is the manifest's ingredient, as its parent; a manifest that the photo brings along is kept within. No thumbnails are
stored: they would carry the photo on. Keys and chains of certificates are PEM files, of a kind that C2PA allows (ES256, ES384,
ES512, PS256, Ed25519). A chain made by `make_key` is signed by itself: readers will call it intact, and its owner unknown.

Source: C2PA, "Technical specification 2.2" (2025); the library is c2pa-python (extra `c2pa`), which takes all the formats that
Mimica writes but webm and BMP.
"""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimica import __version__
from mimica.errors import MissingExtraError, UserError
from mimica.files import atomic_path
from mimica.marks.xmp import SOURCE_TYPE

FORMATS: dict[str, str] = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
    ".tif": "image/tiff", ".tiff": "image/tiff", ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime",
    ".avi": "video/avi", ".avif": "image/avif", ".heic": "image/heic", ".heif": "image/heif",
}  # fmt: skip
"""Suffix -> media type of what can carry a manifest."""
GENERATOR = "Mimica"
_YEARS = 10


@dataclass(frozen=True)
class Credentials:
    """PEM files: the private key, and the certificates from the signer's own up."""

    key: Path
    chain: Path


@dataclass(frozen=True)
class Manifest:
    """What the newest manifest of a file says.

    generator    the program that made the claim, with its version
    signer       whom the certificate names
    trusted      the certificate is of a known authority
    problems     what is wrong with it, C2PA's codes; empty where file and manifest agree
    source_types IPTC's terms in its actions
    parents      titles of the files it was made from
    count        manifests in the file, with those of the parents
    """

    generator: str
    signer: str
    trusted: bool
    problems: tuple[str, ...]
    source_types: tuple[str, ...]
    parents: tuple[str, ...]
    count: int

    @property
    def ours(self) -> bool:
        return self.generator.split(" ")[0] == GENERATOR


def _library() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise MissingExtraError("C2PA manifests need the package 'c2pa-python': pip install 'mimica[c2pa]'.") from error
    return c2pa


def _context(library: Any) -> Any:
    """No thumbnails, nothing fetched from the network."""
    return library.Context(
        library.Settings.from_dict(
            {"builder": {"thumbnail": {"enabled": False}}, "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
        )
    )


# --- keys -----------------------------------------------------------------------------------------------------------


def make_key(folder: Path, owner: str) -> Credentials:
    """A new key (NIST P-256) and a chain of two certificates in the name of `owner`, as `key.pem` (readable by its owner alone)
    and `chain.pem` in `folder`, which is made. Raises `UserError` where there is a key already."""
    made = Credentials(folder / "key.pem", folder / "chain.pem")
    for path in (made.key, made.chain):
        if path.exists():
            raise UserError(f"There is a key already, '{path}': move it away first, or name another --folder.")
    key, chain = _local_chain(owner)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder '{folder}' cannot be made ({error.strerror}): name another --folder.") from error
    for path, data, mode in ((made.key, key, 0o600), (made.chain, chain, 0o644)):
        with atomic_path(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
    return made


def _local_chain(owner: str) -> tuple[bytes, bytes]:
    """PEM of a private key, and of its certificate with that of the authority that issued it, whose key is forgotten."""
    _library()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(common: str, key: Any, ca: bool) -> Any:
        def named(text: str) -> Any:
            parts = ((NameOID.COMMON_NAME, text), (NameOID.ORGANIZATION_NAME, owner))
            return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])

        uses = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
        )  # fmt: skip
        uses |= {"key_cert_sign": True, "crl_sign": True} if ca else {"digital_signature": True}
        builder = x509.CertificateBuilder().subject_name(named(common)).issuer_name(named(f"{owner}, local authority"))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(minutes=5))
        builder = builder.not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        builder = builder.add_extension(x509.BasicConstraints(ca, None), True).add_extension(x509.KeyUsage(**uses), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False)
        if not ca:  # C2PA: the certificate of a signer states what it is for
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    chain = certificate(owner, own, False) + certificate(f"{owner}, local authority", authority, True)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return own.private_bytes(pem, pkcs8, serialization.NoEncryption()), chain


def _algorithm(key: bytes, path: Path) -> bytes:
    """C2PA's name for what the key signs with. Raises `UserError`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        loaded = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise UserError(f"'{path}' is no private key in PEM without a password ({error}): name another.") from error
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.key_size in (256, 384, 521):
        return {256: b"es256", 384: b"es384", 521: b"es512"}[loaded.key_size]
    if isinstance(loaded, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    raise UserError(f"The key '{path}' is of a kind that C2PA does not know: use P-256, P-384, P-521, RSA or Ed25519.")


# --- signing --------------------------------------------------------------------------------------------------------


def can_carry(path: Path) -> bool:
    """Whether a file of this suffix has a place for a manifest."""
    return path.suffix.lower() in FORMATS


def signer_of(credentials: Credentials) -> Any:
    """The library's signer; what is wrong with key or chain is found here. Raises `UserError`."""
    library = _library()
    texts = []
    for path, what in ((credentials.key, "key"), (credentials.chain, "chain of certificates")):
        try:
            texts.append(path.read_bytes())
        except OSError as error:
            raise UserError(f"The {what} '{path}' cannot be read ({error.strerror}): name another.") from error
    try:
        return library.Signer.from_info(library.C2paSignerInfo(_algorithm(texts[0], credentials.key), texts[1], texts[0], None))
    except library.C2paError as error:
        raise UserError(f"'{credentials.chain}' does not serve for signing with '{credentials.key}' ({error}).") from error


def sign(
    path: Path, credentials: Credentials, photo: Path | None = None, title: str | None = None, source_type: str = SOURCE_TYPE
) -> None:
    """Puts a manifest into the file at `path`, in place: edited by Mimica (or made, by `source_type`), out of `photo` where that
    is a file of a kind that C2PA knows. Raises `UserError`."""
    library, signer = _library(), signer_of(credentials)
    parent = photo if photo is not None and can_carry(photo) and photo.is_file() else None
    edited = {"action": "c2pa.edited" if parent else "c2pa.created", "digitalSourceType": source_type}
    actions: list[dict[str, Any]] = [edited]
    if parent:
        actions.insert(0, {"action": "c2pa.opened", "parameters": {"ingredientIds": ["photo"]}})
    claim = {
        "claim_generator_info": [{"name": GENERATOR, "version": __version__}],
        "title": title or path.name,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
    try:
        builder = library.Builder(claim, _context(library))
        if parent:
            with parent.open("rb") as file:
                about = {"title": parent.name, "relationship": "parentOf", "label": "photo"}
                builder.add_ingredient(about, FORMATS[parent.suffix.lower()], file)
        with atomic_path(path) as temporary:
            builder.sign_file(path, temporary, signer)
    except library.C2paError as error:
        raise UserError(f"'{title or path}' could not be signed with '{credentials.chain}' ({error}).") from error


# --- reading --------------------------------------------------------------------------------------------------------


def read_manifest(path: Path, media_type: str) -> Manifest | None:
    """What the newest manifest says; None where there is none. Raises `MissingExtraError`."""
    library = _library()
    try:
        with path.open("rb") as file:
            reader = library.Reader.try_create(media_type, file, context=_context(library))
            if reader is None:
                return None
            with reader:
                return _manifest(json.loads(reader.json()), reader.get_validation_state())
    except library.C2paError as error:
        return Manifest("unknown", "unknown", False, (" ".join(str(error).split()),), (), (), 0)


def _manifest(store: dict[str, Any], state: str | None) -> Manifest:
    manifests = store.get("manifests", {})
    active = manifests.get(store.get("active_manifest"), {})
    generators = active.get("claim_generator_info") or [{}]
    generator = " ".join(str(generators[0].get(part, "")) for part in ("name", "version")).strip()
    signed = active.get("signature_info") or {}
    failures = (store.get("validation_results") or {}).get("activeManifest", {}).get("failure", [])
    problems = tuple(dict.fromkeys(one["code"] for one in failures if one["code"] != "signingCredential.untrusted"))
    types = [
        str(action["digitalSourceType"]).rsplit("/", 1)[-1]
        for assertion in active.get("assertions", [])
        if assertion.get("label", "").startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
        if "digitalSourceType" in action
    ]
    parents = [str(one.get("title", "a file")) for one in active.get("ingredients", []) if one.get("relationship") == "parentOf"]
    return Manifest(
        generator or str(active.get("claim_generator", "an unnamed program")),
        str(signed.get("common_name") or signed.get("issuer") or "unknown"),
        state == "Trusted",
        problems or (("invalid",) if state == "Invalid" else ()),
        tuple(dict.fromkeys(types)),
        tuple(parents),
        len(manifests),
    )
