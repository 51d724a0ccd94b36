import { describe, expect, it } from 'vitest';
import { createLevelMeter, levelDb, SILENCE_DB } from './level-meter.ts';
import { createVoiceGate, HANG_OVER_MS, HYSTERESIS_DB } from './voice-gate.ts';

describe('voice gate', () => {
  it('opens at the threshold and closes below it with hysteresis after the hang-over', () => {
    const gate = createVoiceGate({ mode: 'voiceActivity', thresholdDb: -40 });
    expect(gate.update(-41)).toBe(false);
    expect(gate.update(-40)).toBe(true);
    for (let i = 0; i < 100; i++) expect(gate.update(-40 - HYSTERESIS_DB)).toBe(true);
    const open = Array.from({ length: 40 }, () => gate.update(-60)).filter((value) => value).length;
    expect(open).toBe(HANG_OVER_MS / 10 - 1);
    expect(gate.update(-41)).toBe(false);
  });

  it('follows the button in push-to-talk only', () => {
    const gate = createVoiceGate({ mode: 'pushToTalk', thresholdDb: -40 });
    expect(gate.update(0)).toBe(false);
    gate.setTalking(true);
    expect(gate.update(-100)).toBe(true);
    gate.setTalking(false);
    expect(gate.update(0)).toBe(false);
    gate.configure({ mode: 'continuous', thresholdDb: -40 });
    expect(gate.update(-100)).toBe(true);
    gate.configure({ mode: 'voiceActivity', thresholdDb: -40 });
    gate.setTalking(true);
    expect(gate.update(-100)).toBe(false);
    expect(gate.isOpen).toBe(false);
  });
});

describe('level', () => {
  it('is in dB full scale', () => {
    expect(levelDb(new Float32Array(480))).toBe(SILENCE_DB);
    expect(levelDb(new Float32Array(480).fill(1))).toBe(0);
    expect(levelDb(new Float32Array(480).fill(-0.1))).toBeCloseTo(-20, 4);
    expect(levelDb(new Float32Array(480).fill(1e-9))).toBe(SILENCE_DB);
  });

  it('is shown rising at once and falling slowly', () => {
    const meter = createLevelMeter();
    expect(meter.update(-10)).toBe(-10);
    expect(meter.update(SILENCE_DB)).toBeGreaterThan(-11);
    for (let i = 0; i < 200; i++) meter.update(SILENCE_DB);
    expect(meter.db).toBe(SILENCE_DB);
  });
});
