import { useEffect, useState } from "preact/hooks"
import { getHeaders, type Headers } from "./api.ts"
import { report } from "./problems.ts"

export const HeadersTab = ({ id }: { readonly id: string }) => {
  const [headers, setHeaders] = useState<Headers>()
  useEffect(() => {
    getHeaders(id).then(setHeaders, report)
  }, [id])
  if (headers === undefined) return null
  return (
    <table class="headers">
      <thead class="unseen">
        <tr>
          <th scope="col">Header</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(headers).flatMap(([name, values]) =>
          values.map((value, index) => (
            <tr key={`${name} ${index}`}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))
        )}
      </tbody>
    </table>
  )
}
