// What the applications serve: method, path as Express writes it, and the name of what is there.

export const ROUTES = [
  ["GET", "/report", "report"],
  ["GET", "/report/summary", "summary"],
  ["GET", "/admin", "admin"],
  ["GET", "/admin/users", "users"],
  ["GET", "/orders/:id", "order"],
  ["DELETE", "/orders/:id", "order removed"],
];
