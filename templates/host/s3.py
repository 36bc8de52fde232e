"""Puts one file into S3 by a multipart upload, as the instance's role; Python's standard library alone.

Each part goes with its SHA-256, by which S3 refuses what arrives changed, and each call with the account that has to own
the bucket. An upload that is not completed is aborted, because S3 bills its parts without listing them as an object. One
that a power cut left is noted in a file, and aborted by the next.
"""
import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import time
import urllib.parse
import xml.etree.ElementTree

from lab import save

METADATA = os.environ.get("METADATA_ENDPOINT", "http://169.254.169.254")
# Where the tests' S3 is; else AWS's own, by region.
ENDPOINT = os.environ.get("S3_ENDPOINT", "")
PAUSE = float(os.environ.get("S3_PAUSE", "1"))
MIB = 1024**2
# S3 takes 10,000 parts; one is in memory at a time.
PART, MOST_PARTS = 16 * MIB, 10_000
TRIES = 6
# A permission that was just given takes some seconds to count everywhere in AWS: a request may be denied after another
# was allowed. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
SETTLE_TRIES = 8
# S3 has not done what it answers so.
BUSY = {"ServiceUnavailable", "SlowDown"}
PASSING = {"InternalError", "RequestTimeout", "OperationAborted", "ExpiredToken", *BUSY}
EMPTY = hashlib.sha256(b"").hexdigest()


class Refused(Exception):
    """What S3 answered: a status, a code, a sentence; `lost`: whether an attempt before may have been done unseen."""

    def __init__(self, status, code, message):
        super().__init__(f"{code} ({status}): {message}")
        self.status, self.code, self.message, self.lost = status, code, message, False


class Unreachable(Exception):
    """No answer, after several attempts."""


def connect(endpoint):
    found = urllib.parse.urlsplit(endpoint)
    kind = http.client.HTTPConnection if found.scheme == "http" else http.client.HTTPSConnection
    return kind(found.netloc, timeout=60)


def exchange(endpoint, method, target, headers, body=b""):
    """One request on a connection of its own: status, headers, body."""
    with contextlib.closing(connect(endpoint)) as connection:
        # S3 may refuse a body before it has received all of it; its answer can still be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def metadata(path, token):
    status, _, body = exchange(METADATA, "GET", f"/latest/{path}", {"X-aws-ec2-metadata-token": token})
    if status != 200:
        raise Refused(status, "NoCredentials", "The instance metadata service has no credentials of the role.")
    return body.decode()


def credentials():
    """The role's current ones; they change during a long upload."""
    _, _, token = exchange(METADATA, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    role = metadata("meta-data/iam/security-credentials/", token.decode()).split("\n")[0]
    return json.loads(metadata(f"meta-data/iam/security-credentials/{role}", token.decode()))


def encoded(text, safe=""):
    return urllib.parse.quote(text, safe=f"{safe}-_.~")


def signed(method, host, path, query, headers, body, region):
    """The headers of a request, with AWS's Signature Version 4."""
    keys = credentials()
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest() if body else EMPTY
    headers = {**headers, "host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp,
               "x-amz-security-token": keys["Token"]}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = "\n".join([method, path, query, lines, names, digest])
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys['SecretAccessKey']}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{keys['AccessKeyId']}/{scope}"
    return {**headers, "authorization":
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"}


def xml_texts(body):
    """The texts of an answer's elements by name, without the namespace."""
    try:
        return {one.tag.split("}")[-1]: one.text or "" for one in xml.etree.ElementTree.fromstring(body).iter()}
    except xml.etree.ElementTree.ParseError:
        return {}


class Place:
    """One object of a bucket that has to belong to `account`. The bucket's region is found when S3 names another."""

    def __init__(self, bucket, key, region, suffix, account):
        self.bucket, self.key, self.region, self.suffix, self.account = bucket, key, region, suffix, account

    def address(self):
        """The endpoint, and the path in it. A certificate of S3's does not cover a bucket with a dot."""
        key = encoded(self.key, "/")
        if ENDPOINT or "." in self.bucket:
            return ENDPOINT or f"https://s3.{self.region}.{self.suffix}", f"/{self.bucket}/{key}"
        return f"https://{self.bucket}.s3.{self.region}.{self.suffix}", f"/{key}"

    def once(self, method, query, headers, body):
        endpoint, path = self.address()
        text = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(query.items()))
        headers = {**headers, "x-amz-expected-bucket-owner": self.account}
        sent = signed(method, urllib.parse.urlsplit(endpoint).netloc, path, text, headers, body, self.region)
        status, got, answer = exchange(endpoint, method, f"{path}?{text}", sent, body)
        told = xml_texts(answer) if answer else {}
        # Completing may fail after S3 has answered 200: the body says so.
        if status >= 300 or "Code" in told:
            elsewhere = got.get("x-amz-bucket-region") or told.get("Region")
            if status in (301, 307, 400) and elsewhere != self.region and re.fullmatch("[a-z0-9-]+", elsewhere or ""):
                self.region = elsewhere
                raise Refused(status, "OtherRegion", elsewhere)
            raise Refused(status, told.get("Code") or f"Http{status}", told.get("Message", ""))
        return got, told

    def ask(self, method, query, headers=None, body=b""):
        """Asks until S3 answers for good: Refused, Unreachable."""
        attempt, lost = 0, False
        while True:
            attempt += 1
            try:
                return self.once(method, query, headers or {}, body)
            except Refused as refused:
                denied = refused.code == "AccessDenied"
                passing = denied or refused.status >= 500 or refused.code in PASSING or refused.code == "OtherRegion"
                if not passing or attempt >= (SETTLE_TRIES if denied else TRIES):
                    refused.lost = lost
                    raise
                lost = lost or (refused.status >= 500 or refused.status == 200) and refused.code not in BUSY
            except (OSError, http.client.HTTPException) as error:
                if attempt >= TRIES:
                    raise Unreachable(f"{type(error).__name__}: {error}") from error
                lost = True
            time.sleep(min(2**attempt, 10) * PAUSE)

    def begin(self):
        """A multipart upload's id. Encrypted by S3's own key whatever the bucket's default, which may need a permission."""
        headers = {"x-amz-checksum-algorithm": "SHA256", "x-amz-server-side-encryption": "AES256"}
        return self.ask("POST", {"uploads": ""}, headers)[1]["UploadId"]

    def abort(self, upload):
        """Whether there was still something to abort."""
        try:
            self.ask("DELETE", {"uploadId": upload})
        except Refused as refused:
            if refused.code != "NoSuchUpload":
                raise
            return False
        return True

    def check(self, path):
        """Whether the role may put the object there: an upload is begun, noted and aborted."""
        upload = self.begin()
        note(path, self, upload)
        self.abort(upload)
        os.remove(path)


def note(path, place, upload):
    """Writes a file that names the upload, so that a power cut leaves a record of it."""
    save(path, json.dumps({"bucket": place.bucket, "key": place.key, "region": place.region, "uploadId": upload}))


@contextlib.contextmanager
def noted(path, place, upload):
    """Notes the upload until it ends, and aborts it if that is by an error."""
    note(path, place, upload)
    try:
        yield
    except BaseException:
        # Where that fails, the file stays, and the next upload tries it again.
        with contextlib.suppress(Refused, Unreachable):
            place.abort(upload)
            os.remove(path)
        raise
    os.remove(path)


def abort_left(path, suffix, account):
    """Aborts an upload that was interrupted. Returns it if that is not possible now."""
    try:
        with open(path, encoding="utf-8") as file:
            left = json.load(file)
    except FileNotFoundError:
        return None
    try:
        Place(left["bucket"], left["key"], left["region"], suffix, account).abort(left["uploadId"])
    except (Refused, Unreachable):
        return left
    os.remove(path)
    return None


def upload(source, place, path, progress):
    """Uploads the file, which never replaces an object. Its size, and the checksum that S3 has computed."""
    size = os.path.getsize(source)
    length = max(PART, -(-size // MOST_PARTS // MIB) * MIB)
    begun = place.begin()
    with noted(path, place, begun):
        parts, digests = [], []
        with open(source, "rb") as file:
            for number, body in enumerate(iter(lambda: file.read(length), b""), 1):
                digest = hashlib.sha256(body).digest()
                checksum = base64.b64encode(digest).decode()
                headers = {"x-amz-checksum-sha256": checksum}
                got, _ = place.ask("PUT", {"partNumber": str(number), "uploadId": begun}, headers, body)
                parts.append((number, got["ETag"], checksum))
                digests.append(digest)
                progress(min(number * length, size), size)
        finished = complete(place, begun, parts)
    whole = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    checksum = finished.get("ChecksumSHA256", "")
    if checksum and checksum != f"{whole}-{len(parts)}":
        raise Refused(200, "ChecksumDiffers", f"S3 has {checksum}, and {whole}-{len(parts)} was sent.")
    return {"bytes": size, "checksum": checksum or f"{whole}-{len(parts)}", "region": place.region}


def complete(place, begun, parts):
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{re.sub('[<&]', '', tag)}</ETag>"
        f"<ChecksumSHA256>{checksum}</ChecksumSHA256></Part>" for number, tag, checksum in parts)
    body = f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</CompleteMultipartUpload>'
    try:
        return place.ask("POST", {"uploadId": begun}, {"if-none-match": "*"}, body.encode())[1]
    except Refused as refused:
        # An attempt whose answer was lost has completed it if nothing is left to abort.
        if refused.lost and refused.code in ("NoSuchUpload", "PreconditionFailed") and not place.abort(begun):
            return {}
        raise
