// Which page the address names: #/ the ward board, #/patient/ID, #/operations, #/policy.
const PATIENT = /^#\/patient\/([0-9a-f-]{36})$/;

/** The page of the present address: {page, id}. What is not known is the board. */
export function here() {
  const patient = PATIENT.exec(location.hash);
  if (patient) return { page: "patient", id: patient[1] };
  if (location.hash === "#/operations") return { page: "operations" };
  if (location.hash === "#/policy") return { page: "policy" };
  return { page: "board" };
}

export const addressOf = (id) => `#/patient/${id}`;

/** The pages somebody with these permissions may see, in the order of the menu. */
export function pagesFor(permissions) {
  const may = (one) => permissions.includes(one);
  return [
    ...(may("read") ? [{ page: "board", title: "Ward board", address: "#/" }] : []),
    ...(may("operate") ? [{ page: "operations", title: "Operations", address: "#/operations" }] : []),
    ...(may("read") || may("operate") ? [{ page: "policy", title: "Policy", address: "#/policy" }] : []),
  ];
}
