/** Browsers keep their clipboard from pages that came over plain HTTP from another machine: those select and copy. */
export const copyText = async (text: string): Promise<void> => {
  if (window.isSecureContext) return navigator.clipboard.writeText(text)
  const field = document.createElement("textarea")
  field.value = text
  field.className = "unseen"
  document.body.append(field)
  field.select()
  document.execCommand("copy")
  field.remove()
}
