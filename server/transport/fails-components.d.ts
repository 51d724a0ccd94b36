/** The part of `@fails-components/webtransport` 1.6.8 used here; its own types are behind an export condition. */
declare module '@fails-components/webtransport' {
  interface ServerSession {
    /** The headers of the request the session came from. */
    readonly header: Readonly<Record<string, string>>;
    readonly ready: Promise<unknown>;
    readonly closed: Promise<unknown>;
    readonly incomingBidirectionalStreams: ReadableStream<{
      readonly readable: ReadableStream<Uint8Array>;
      readonly writable: WritableStream<Uint8Array>;
    }>;
    readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
    readonly datagrams: {
      readonly readable: ReadableStream<Uint8Array>;
      createWritable(): WritableStream<Uint8Array>;
    };
  }
  class Http2Server {
    constructor(options: {
      readonly host: string;
      readonly port: number;
      readonly secret: string;
      readonly cert: string;
      readonly privKey: string;
      readonly initialBidirectionalStreams: number;
      readonly initialUnidirectionalStreams: number;
      readonly initialStreamFlowControlWindow: number;
      readonly initialSessionFlowControlWindow: number;
      readonly streamFlowControlWindowSizeLimit: number;
      readonly sessionFlowControlWindowSizeLimit: number;
    });
    /** Makes the listener without letting it listen. */
    createTransportInt(): Promise<void>;
    readonly transportInt: {
      readonly serverInt: import('node:events').EventEmitter;
      addPath(path: string): void;
    };
    sessionStream(path: string): ReadableStream<ServerSession>;
  }
}
