/**
 * Owns a containerd as a kubelet uses it: its image service, the CRI (runtime.v1), asked over gRPC on its socket. Needs root.
 * No Debian has crictl, and of gRPC one call is needed: three texts in, a text and a status out.
 */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startProgram } from './process.ts';

export type Pulled =
  | { readonly ok: true; readonly imageRef: string }
  | { readonly ok: false; readonly status: number; readonly message: string };

export type Cri = {
  /** What the kubelet does with the answer of its plugin. */
  pullImage(image: string, auth: { readonly username: string; readonly password: string }): Promise<Pulled>;
};

/** @param folder an empty one, on a short path: a socket's path has 107 characters at most */
export async function startCri(folder: string, stack: AsyncDisposableStack): Promise<Cri> {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, 'containerd.sock');
  const file = join(folder, 'containerd.toml');
  await writeFile(file, configuration(folder, socket));
  const daemon = await startProgram('containerd', ['--config', file], { ready: /containerd successfully booted/ });
  stack.defer(() => daemon.stop());
  return { pullImage: (image, auth) => pullImage(socket, image, auth) };
}

/** Its own folders, and the one snapshotter that works on every file system. 1.x reads the first plug-in, 2.x the second. */
function configuration(folder: string, socket: string): string {
  const unused = ['snapshotter.v1.btrfs', 'snapshotter.v1.zfs', 'snapshotter.v1.aufs', 'internal.v1.opt'];
  return `version = 2
root = "${join(folder, 'root')}"
state = "${join(folder, 'state')}"
disabled_plugins = [${unused.map((name) => `"io.containerd.${name}"`).join(', ')}]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = "${folder}"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
`;
}

async function pullImage(
  socket: string,
  image: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<Pulled> {
  // k8s.io/cri-api, runtime/v1/api.proto: PullImageRequest { ImageSpec image = 1; AuthConfig auth = 2; }
  const spec = field(1, Buffer.from(image));
  const auth = Buffer.concat([field(1, Buffer.from(username)), field(2, Buffer.from(password))]);
  const message = Buffer.concat([field(1, spec), field(2, auth)]);
  const { status, reason, answer } = await call(socket, '/runtime.v1.ImageService/PullImage', message);
  if (status !== 0) return { ok: false, status, message: reason };
  // PullImageResponse { string image_ref = 1; }: a tag, a length below 128, the text.
  return { ok: true, imageRef: answer.subarray(2).toString() };
}

/** A length-delimited field of the protobuf encoding. */
function field(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content]);
}

/** A unary call (gRPC over HTTP/2): a byte and a length before the message, the status in the trailers. */
async function call(socket: string, path: string, message: Buffer) {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
  try {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': path },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    let trailers: Readonly<Record<string, unknown>> = {};
    for (const event of ['response', 'trailers']) {
      stream.on(event, (headers: object) => {
        trailers = { ...trailers, ...headers };
      });
    }
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'close');
    const { 'grpc-status': status = -1, 'grpc-message': reason = '' } = trailers;
    return {
      status: Number(status),
      reason: decodeURIComponent(String(reason)),
      answer: Buffer.concat(chunks).subarray(5),
    };
  } finally {
    session.close();
  }
}
