"""Prints what a memoizer has kept in Redis under a key, as JSON:

    pip install redis msgpack
    python3 read_envelope.py redis://localhost 'app::f(1)'

The layout is that of src/store/bytes/envelope.rs; JSON needs no `msgpack`."""
import hashlib, json, struct, sys, zlib

def parse(data: bytes) -> dict:
    (magic, version, needs, codec, flags, header, checksum, schema, key_check, created, expires,
     took, length) = struct.unpack_from("<4sBBBBIIQ16sQQfI", data)
    if magic != b"MMTO" or zlib.crc32(data[:12] + data[16:]) != checksum or len(data) != header + length:
        raise ValueError("no envelope, or a broken one")
    if needs > 1 or codec > 2 or flags > 1:
        raise ValueError(f"for readers of version {needs}, codec {codec}, flags {flags}")
    fields, groups, at = {}, {}, 64
    while at < header:
        tag, size = struct.unpack_from("<HI", data, at)
        fields[tag], at = data[at + 6 : at + 6 + size], at + 6 + size
        if tag == 2:
            groups[fields[tag][16:].decode()] = fields[tag][:16].hex()
    return {"version": version, "codec": ("MessagePack", "JSON", "postcard")[codec],
            "schema": f"{schema:016x}", "key_check": key_check.hex(), "created_ns": created,
            "expires_ns": None if expires == 2**64 - 1 else expires, "build_seconds": took,
            "etag": fields[1].decode() if 1 in fields else None,
            "groups": groups, "value": value(codec, flags, data[header:])}

def value(codec: int, flags: int, payload: bytes):
    if flags == 1 or codec == 2:
        return f"{len(payload)} bytes, " + ("compressed by LZ4" if flags else "in postcard")
    if codec == 1:
        return json.loads(payload)
    import msgpack
    return msgpack.unpackb(payload, strict_map_key=False)

def main(url: str, key: str):
    import redis
    data = redis.Redis.from_url(url).get(key)
    if data is None:
        sys.exit(f"nothing is kept under {key!r}")
    facts = parse(data)
    if facts["key_check"] != hashlib.sha256(key.encode()).digest()[:16].hex():
        sys.exit("it is the envelope of another key")
    print(json.dumps(facts, indent=2, default=repr))

if __name__ == "__main__":
    main(*sys.argv[1:])
