/** Commands to an agent process, one JSON line each; each gets one line back with the same `id`. */
export type AgentCommand =
  | { readonly do: 'create'; readonly name: string; readonly microphone?: string }
  | { readonly do: 'call'; readonly agent: string; readonly method: string; readonly argument: unknown }
  | { readonly do: 'state'; readonly agent: string }
  /** Plays the microphone file from its beginning, over and over, or falls silent. */
  | { readonly do: 'speak'; readonly agent: string; readonly on: boolean }
  | { readonly do: 'destroy'; readonly agent: string };

/** What an agent knows of itself. */
export interface AgentState {
  readonly connection: { readonly state: string; readonly session?: number };
  readonly call: {
    readonly state: string;
    readonly epoch?: number | null;
    readonly members?: readonly {
      readonly session: number;
      readonly identity: string;
      readonly external: boolean;
    }[];
  };
  readonly messages: readonly {
    readonly room: number;
    readonly id: string;
    readonly text: string;
    readonly own: boolean;
    readonly state: string;
  }[];
  /** Encryption of each room's messages that is open. */
  readonly textGroups: readonly { readonly room: number; readonly state: string; readonly members: number }[];
  readonly notices: readonly string[];
  readonly stats: {
    readonly framesReceived: number;
    readonly datagramsReceived: number;
    readonly rejected: number;
    readonly framesSent: number;
    readonly late: number;
    readonly lost: number;
  };
  /** Times of the last call.join: ms from the call to its answer and to the first frame opened. */
  readonly joinMs: number | null;
  readonly firstFrameMs: number | null;
}
