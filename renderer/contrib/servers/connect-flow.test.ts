import { afterEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../../core/base/coded-error.ts';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import type { ServerAddress } from '../../../core/workers/session-contract.ts';
import { createDialogService } from '../../platform/dialogs.ts';
import { createNotificationService } from '../../platform/notifications.ts';
import { connectWithPerson, type ConnectFlowOptions } from './connect-flow.ts';
import { strings } from './strings.ts';

const store = createDisposableStore();
afterEach(() => store.clear());

const address: ServerAddress = { host: 'harbour.example', port: 8443 };

/** A server that answers each try from the list, and a person who answers each question from the other one. */
function scene(outcomes: readonly (string | undefined)[], answers: readonly (string | undefined)[] = []) {
  const tries: ServerAddress[] = [];
  const asked: string[] = [];
  const names: string[] = [];
  const forgotten: string[] = [];
  const waiting = [...answers];
  const dialogs = store.add(createDialogService());
  const options: ConnectFlowOptions = {
    session: {
      vault: { current: undefined },
      async connect(target: ServerAddress) {
        const code = outcomes[tries.length];
        tries.push(target);
        if (code !== undefined) throw new CodedError(code, `Because of ${code}.`);
      },
      async setDisplayName(name: string) {
        names.push(name);
      },
      async forget(host: string, port: number) {
        forgotten.push(`${host}:${port}`);
      },
    } as unknown as ConnectFlowOptions['session'],
    services: {
      dialogs,
      notifications: store.add(createNotificationService()),
      quickInput: {
        input: async ({ title }: { readonly title: string }) => {
          asked.push(title);
          return waiting.shift();
        },
      } as unknown as ConnectFlowOptions['services']['quickInput'],
    },
  };
  return { options, tries, asked, names, forgotten, dialogs };
}

describe('connecting with a person', () => {
  it('asks for the password until it is right', async () => {
    const { options, tries, asked } = scene(['password_required', 'password_wrong', undefined], ['a', 'b']);
    expect(await connectWithPerson(options, address)).toEqual({ state: 'connected' });
    expect(tries.map(({ password }) => password)).toEqual([undefined, 'a', 'b']);
    expect(asked).toEqual([
      strings.passwordTitle('harbour.example:8443'),
      strings.passwordAgain('harbour.example:8443'),
    ]);
  });

  it('ends quietly when the person gives up', async () => {
    const { options } = scene(['password_required'], [undefined]);
    expect(await connectWithPerson(options, address)).toEqual({ state: 'cancelled' });
  });

  it('asks for another name when it is taken', async () => {
    const { options, names } = scene(['name_taken', undefined], ['Ada L']);
    expect(await connectWithPerson(options, address)).toEqual({ state: 'connected' });
    expect(names).toEqual(['Ada L']);
  });

  it('gives back what it cannot solve', async () => {
    const { options } = scene(['unreachable']);
    expect(await connectWithPerson(options, address)).toMatchObject({
      state: 'failed',
      error: { code: 'unreachable' },
    });
  });

  it('stops hard at a changed identity and does not connect again by itself', async () => {
    const { options, tries, dialogs, forgotten } = scene(['server_identity_changed', undefined]);
    const outcome = connectWithPerson(options, address);
    await expect.poll(() => dialogs.current?.message).toBe(strings.identityChanged);
    expect(dialogs.current).toMatchObject({
      actions: [strings.forgetThisServer],
      destructive: true,
      severity: 'error',
    });
    dialogs.current?.answer(undefined);
    expect(await outcome).toEqual({ state: 'cancelled' });
    expect(tries).toHaveLength(1);
    expect(forgotten).toEqual([]);
  });

  it('forgets the server only after a second question, and even then does not connect', async () => {
    const { options, tries, dialogs, forgotten } = scene(['server_identity_changed', undefined]);
    const outcome = connectWithPerson(options, address);
    await expect.poll(() => dialogs.current?.message).toBe(strings.identityChanged);
    dialogs.current?.answer(strings.forgetThisServer);
    await expect.poll(() => dialogs.current?.message).toBe(strings.forgetQuestion('harbour.example:8443'));
    expect(forgotten).toEqual([]);
    dialogs.current?.answer(strings.forgetAction);
    expect(await outcome).toEqual({ state: 'cancelled' });
    expect(forgotten).toEqual(['harbour.example:8443']);
    expect(tries).toHaveLength(1);
  });
});
