/** `voice.pushToTalkKey` reads as "Voice: Push to talk key". */
export function titleOfSetting(key: string): string {
  return key
    .split('.')
    .map((part) => {
      const words = part.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
      return words.charAt(0).toUpperCase() + words.slice(1);
    })
    .join(': ');
}
