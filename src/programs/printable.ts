/** One line of a server's answer or of a file, for a terminal: nothing in it moves the cursor. */
export const printable = (line: string): string => line.replace(/[\x00-\x1f\x7f-\x9f]/g, "?")
