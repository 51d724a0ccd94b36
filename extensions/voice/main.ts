import type { Conclave, ExtensionContext, StatusBarItem } from '../api/conclave.d.ts';
import { createCallElement } from './src/call-element.ts';
import { microphoneStatus, type VoiceMode } from './src/roster.ts';
import { strings } from './src/strings.ts';

const VIEW = 'voice.call';

/** Fills the call view and offers the microphone's commands and status bar items. */
export function activate(context: ExtensionContext): void {
  const { api, subscriptions } = context;
  const memory = {};
  subscriptions.add(
    api.views.registerElementView(VIEW, { create: (host) => createCallElement(api, host, memory) }),
  );
  const register = (id: string, run: (argument: unknown) => unknown): void => {
    subscriptions.add(api.commands.register(id, (argument) => run(argument)));
  };
  register('voice.toggleMute', async () => {
    const { muted, deafened } = api.call.state;
    // Unmuting while deafened would send to people one cannot hear, so it ends both.
    if (deafened) await api.call.setDeafened(false);
    await api.call.setMuted(deafened ? false : !muted);
  });
  register('voice.toggleDeafen', () => api.call.setDeafened(!api.call.state.deafened));
  register('voice.leave', () => api.call.leave());
  register('voice.pushToTalk', (hold) => {
    api.call.setTalking((hold as { readonly pressed?: unknown } | undefined)?.pressed === true);
  });
  register('voice.selectMode', async () => {
    const modes = Object.entries(strings.modes).map(([mode, text]) => ({ ...text, mode }));
    const picked = await api.window.showQuickPick(modes, { placeholder: strings.modePlaceholder });
    if (picked) await api.configuration.update('voice.mode', picked.mode);
  });
  register('voice.showCall', () => api.views.focus(VIEW));
  showStatus(api, subscriptions);
}

function showStatus(api: Conclave, subscriptions: ExtensionContext['subscriptions']): void {
  const create = (id: string, name: string, priority: number, command: string): StatusBarItem => {
    const item = subscriptions.add(api.window.createStatusBarItem({ id, name, alignment: 'left', priority }));
    item.command = command;
    return item;
  };
  const microphone = create('voice.microphone', strings.micName, 90, 'voice.toggleMute');
  const deafen = create('voice.deafen', strings.deafenName, 80, 'voice.toggleDeafen');
  const encryption = create('voice.encryption', strings.encryptionName, 70, 'voice.showCall');
  const update = (): void => {
    const call = api.call.state;
    const isConnected = api.connection.state.state !== 'disconnected';
    const status = microphoneStatus(
      call,
      api.configuration.get<VoiceMode>('voice.mode'),
      api.call.transmitting,
    );
    microphone.text = status.text;
    microphone.tooltip = status.tooltip;
    microphone.kind = status.kind;
    microphone.visible = isConnected;
    deafen.text = call.deafened ? `$(mute) ${strings.statusDeafened}` : `$(unmute) ${strings.statusHearing}`;
    deafen.tooltip = call.deafened ? strings.clickToUndeafen : strings.clickToDeafen;
    deafen.kind = call.deafened ? 'warning' : 'normal';
    deafen.visible = isConnected;
    encryption.visible = call.state !== 'none';
    if (call.state === 'none') return;
    encryption.text = `$(lock) ${strings.epoch(call.epoch)}`;
    encryption.tooltip = call.mismatch ? strings.mismatchStatus : strings.encrypted(call.epoch);
    encryption.kind = call.mismatch ? 'warning' : 'normal';
  };
  subscriptions.add(api.call.onDidChange(update));
  subscriptions.add(api.call.onDidChangeSpeaking(update));
  subscriptions.add(api.connection.onDidChange(update));
  subscriptions.add(
    api.configuration.onDidChange((change) => {
      if (change.affects('voice.mode')) update();
    }),
  );
  update();
}
