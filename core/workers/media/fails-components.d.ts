/** The part of `@fails-components/webtransport` 1.6.8 used here; its own types are behind an export condition. */
declare module '@fails-components/webtransport' {
  class WebTransportPonyfill {
    constructor(
      url: string,
      options: {
        readonly initialStreamFlowControlWindow: number;
        readonly initialSessionFlowControlWindow: number;
        readonly streamFlowControlWindowSizeLimit: number;
        readonly sessionFlowControlWindowSizeLimit: number;
      },
    );
    readonly ready: Promise<undefined>;
    readonly closed: Promise<WebTransportCloseInfo>;
    readonly datagrams: {
      readonly readable: ReadableStream<Uint8Array>;
      createWritable(): WritableStream<Uint8Array>;
    };
    createBidirectionalStream(): Promise<WebTransportBidirectionalStream>;
    close(): void;
  }
}
