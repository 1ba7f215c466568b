// Talking to the server: requests, and the WebSocket that carries slider moves out and pictures in.

/** Raises an Error whose message is the server's sentence. */
export async function request(path, { method = "GET", json, file, body } = {}) {
  const options = { method, headers: {} };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  } else if (file !== undefined) {
    options.body = new FormData();
    options.body.append("photo", file, "photo");
  } else if (body !== undefined) {
    options.body = body;
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("Mimica does not answer: is it still running?");
  }
  if (response.ok) return response;
  let sentence = `The server answered ${response.status}.`;
  try {
    sentence = (await response.json()).error ?? sentence;
  } catch { /* no JSON: the status says it */ }
  throw new Error(sentence);
}

export const getJson = async (path, options) => (await request(path, options)).json();
export const getBlob = async (path, options) => (await request(path, options)).blob();

/** Dispatches an event named after the type of each message, whose detail is {header, blob?}. */
export class Socket extends EventTarget {
  constructor(key) {
    super();
    this.key = key;
    this.sequence = 0;
    this.sent = new Map();
    this.queue = [];
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/ws?key=${encodeURIComponent(this.key)}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onopen = () => {
      this.lost = false;
      for (const message of this.queue.splice(0)) this.socket.send(message);
    };
    this.socket.onclose = () => {
      if (!this.lost) this.dispatchEvent(new CustomEvent("lost"));
      this.lost = true;
      setTimeout(() => this.connect(), 1500);
    };
  }

  /** Sends words, with a picture if there is one; gives the message's number. */
  send(message, picture) {
    const seq = ++this.sequence;
    this.sent.set(seq, performance.now());
    if (this.sent.size > 500) this.sent.delete(this.sent.keys().next().value);
    const text = JSON.stringify({ ...message, seq });
    const data = picture ? packed(text, picture) : text;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
    else if (this.queue.length < 50) this.queue.push(data);
    return seq;
  }

  receive(data) {
    let header;
    let blob;
    if (typeof data === "string") {
      header = JSON.parse(data);
    } else {
      const length = new DataView(data).getUint32(0);
      header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
      blob = new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" });
    }
    header.roundTrip = performance.now() - (this.sent.get(header.seq) ?? performance.now());
    this.sent.delete(header.seq);
    this.dispatchEvent(new CustomEvent(header.type, { detail: { header, blob } }));
  }
}

function packed(text, picture) {
  const head = new TextEncoder().encode(text);
  const whole = new Uint8Array(4 + head.length + picture.byteLength);
  new DataView(whole.buffer).setUint32(0, head.length);
  whole.set(head, 4);
  whole.set(new Uint8Array(picture), 4 + head.length);
  return whole;
}
