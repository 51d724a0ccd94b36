/** Style sheets of packages, bundled as text (`with { type: 'text' }`) and put into constructed sheets. */
declare module '*.css' {
  const text: string;
  export default text;
}
