import { afterEach, describe, expect, it } from 'vitest';
import { createEmitter, setListenerErrorHandler } from './event.ts';

const errors: unknown[] = [];
setListenerErrorHandler((error) => errors.push(error));
afterEach(() => errors.splice(0));

describe('emitter', () => {
  it('calls listeners in order until they are disposed', () => {
    const emitter = createEmitter<number>();
    const seen: string[] = [];
    const first = emitter.event((value) => seen.push(`a${value}`));
    const second = emitter.event((value) => seen.push(`b${value}`));
    expect(emitter.hasListeners).toBe(true);
    emitter.fire(1);
    first.dispose();
    first.dispose();
    emitter.fire(2);
    second.dispose();
    emitter.fire(3);
    expect(seen).toEqual(['a1', 'b1', 'b2']);
    expect(emitter.hasListeners).toBe(false);
  });

  it('lets one function subscribe twice', () => {
    const emitter = createEmitter<void>();
    let count = 0;
    const listener = (): void => void count++;
    const [first, second] = [emitter.event(listener), emitter.event(listener)];
    emitter.fire();
    first.dispose();
    emitter.fire();
    second.dispose();
    expect(count).toBe(3);
  });

  it('goes on after a listener that throws, and reports it', () => {
    const emitter = createEmitter<void>();
    let reached = false;
    const held = [
      emitter.event(() => {
        throw new Error('listener');
      }),
      emitter.event(() => {
        reached = true;
      }),
    ];
    emitter.fire();
    expect(reached).toBe(true);
    expect(errors).toEqual([new Error('listener')]);
    for (const each of held) each.dispose();
  });

  it('may be changed while firing: the change counts from the next time', () => {
    const emitter = createEmitter<void>();
    const seen: string[] = [];
    const added: { dispose(): void }[] = [];
    const second = emitter.event(() => seen.push('second'));
    const first = emitter.event(() => {
      second.dispose();
      added.push(emitter.event(() => seen.push('late')));
    });
    emitter.fire();
    expect(seen).toEqual(['second']);
    first.dispose();
    emitter.fire();
    expect(seen).toEqual(['second', 'late']);
    for (const each of added) each.dispose();
  });

  it('is silent once disposed', () => {
    const emitter = createEmitter<void>();
    let count = 0;
    const before = emitter.event(() => count++);
    emitter.dispose();
    const after = emitter.event(() => count++);
    emitter.fire();
    expect(count).toBe(0);
    before.dispose();
    after.dispose();
  });
});
