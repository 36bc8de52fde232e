"""Encrypts a file part by part, each as a CMS message of its own (AES-256-GCM): openssl decrypts one only as a whole."""
import subprocess

PART = 4 * 1024**2
OAEP = ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha256"]


def encrypted(file, number, certificate):
    """Part `number` of an open file, for the key in `certificate`. CalledProcessError if openssl refuses."""
    file.seek(number * PART)
    return subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-aes-256-gcm",
                           "-recip", certificate, *OAEP], input=file.read(PART), capture_output=True, check=True).stdout
