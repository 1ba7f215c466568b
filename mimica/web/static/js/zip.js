// A ZIP archive of files as they are (stored, not compressed): PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let i = 0; i < 8; i += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function record(signature, fields, name) {
  const size = fields.reduce((sum, [bytes]) => sum + bytes, 4);
  const data = new DataView(new ArrayBuffer(size));
  data.setUint32(0, signature, true);
  let at = 4;
  for (const [bytes, value] of fields) {
    if (bytes === 2) data.setUint16(at, value, true);
    else data.setUint32(at, value, true);
    at += bytes;
  }
  return [new Uint8Array(data.buffer), name];
}

/** Files as [{name, blob}], each name once -> a Blob. */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const words = new TextEncoder().encode(name);
    // version 2.0, flag 11: the name is UTF-8; stored; 1 January 1980
    const common = [[2, 20], [2, 0x0800], [2, 0], [2, 0], [2, 0x21], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, words.length], [2, 0]];
    parts.push(...record(0x04034b50, common, words), bytes);
    directory.push(...record(0x02014b50, [[2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]], words));
    offset += 30 + words.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const [end] = record(0x06054b50, [[2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]], null);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
