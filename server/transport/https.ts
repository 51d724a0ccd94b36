import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Bytes } from '../../core/base/bytes.ts';
import { DESCRIPTOR_PATH } from '../../core/protocol/server-descriptor.ts';
import { isLoopback } from '../relay/admission.ts';
import type { ServerCertificate } from './self-signed-certificate.ts';

/** The TCP side: the signed descriptor, health and metrics over HTTPS, and the way in for the fallback. */
export interface HttpsServer {
  useCertificate(certificate: ServerCertificate): void;
  close(): void;
}

/** What is served. */
export interface HttpsContent {
  descriptor(): Bytes;
  metrics(): string;
  /** Whether metrics answer other computers. */
  readonly metricsPublic: boolean;
  /** Takes a connection that asked for an upgrade, with the hash of the certificate it was shown. */
  upgrade(request: IncomingMessage, socket: Socket, head: Uint8Array, certificateHash: Bytes): void;
  /** Sessions that may be open besides requests. */
  readonly maxSessions: number;
}

const MAX_HEADER_BYTES = 8 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;

/** Listens; rejects when the port is in use. */
export function startHttpsServer(
  content: HttpsContent,
  address: { readonly host: string; readonly port: number },
  certificate: ServerCertificate,
): Promise<HttpsServer> {
  const server: Server = createServer(
    {
      cert: certificate.certificatePem,
      key: certificate.privateKeyPem,
      minVersion: 'TLSv1.3',
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    (request, response) => {
      const path = request.url?.split('?')[0];
      const answer = (status: number, type: string, body: Uint8Array | string): void => {
        response.writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
          connection: 'close',
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      };
      if (request.method !== 'GET' && request.method !== 'HEAD')
        answer(405, 'text/plain', 'method not allowed\n');
      else if (path === DESCRIPTOR_PATH) answer(200, 'application/cbor', content.descriptor());
      else if (path === '/healthz') answer(200, 'text/plain', 'ok\n');
      else if (path === '/metrics') {
        if (content.metricsPublic || isLoopback(request.socket.remoteAddress ?? ''))
          answer(200, 'text/plain; version=0.0.4', content.metrics());
        else answer(403, 'text/plain', 'metrics are for this computer only (server.metrics_public)\n');
      } else answer(404, 'text/plain', 'not found\n');
    },
  );
  server.maxConnections = MAX_CONNECTIONS + content.maxSessions;
  let certificateHash = certificate.sha256;
  const shown = new WeakMap<object, Bytes>();
  server.on('secureConnection', (socket) => shown.set(socket, certificateHash));
  server.on('upgrade', (request, socket, head) => {
    content.upgrade(request, socket as Socket, head, shown.get(socket) ?? certificateHash);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      server.on('tlsClientError', () => {});
      resolve({
        useCertificate(next) {
          certificateHash = next.sha256;
          server.setSecureContext({
            cert: next.certificatePem,
            key: next.privateKeyPem,
            minVersion: 'TLSv1.3',
          });
        },
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}
