// Drives a server through the whole official Node SDK and prints one line of JSON for each step.
//
// Usage: node drive.mjs URL KEY HOOK_URL QUOTA_URL SILENT_URL
//   URL         a server with data, which lets KEY in
//   HOOK_URL    where webhooks are told of events
//   QUOTA_URL   a server that lets KEY ask once only
//   SILENT_URL  a server that never answers
//
// The first line names every method that the SDK has. Each other line is a step: its label, the methods that it
// called, and either their result or the fields of the SDK's error. Passes `tsc --checkJs`, so that nothing is sent
// here that the SDK's own types do not allow.

import { Pocketsflow, PocketsflowError } from "pocketsflow";

const [url, key, hookUrl, quotaUrl, silentUrl] = /** @type {any} */ (globalThis).process.argv.slice(2);

/** @type {string[]} */
let called = [];

/** @param {object} line */
function print(line) {
  console.log(JSON.stringify(line));
}

/**
 * The methods of each resource of a client, by reflection.
 * @param {any} client
 * @returns {[string, string][]}
 */
function methodsOf(client) {
  const resources = Object.keys(client).filter((name) => client[name]?.constructor?.name.endsWith("Resource"));
  return resources.flatMap((resource) =>
    Object.getOwnPropertyNames(Object.getPrototypeOf(client[resource]))
      .filter((name) => name !== "constructor")
      .map((name) => /** @type {[string, string]} */ ([resource, name])),
  );
}

/**
 * The client, which from now on notes its calls.
 * @param {any} client
 * @returns {Pocketsflow}
 */
function watched(client) {
  for (const [resource, name] of methodsOf(client)) {
    const method = client[resource][name].bind(client[resource]);
    client[resource][name] = (/** @type {any[]} */ ...args) => {
      called.push(`${resource}.${name}`);
      return method(...args);
    };
  }
  return client;
}

/**
 * Makes a call and prints what came of it.
 * @template T
 * @param {string} label
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
async function step(label, call) {
  called = [];
  try {
    const result = await call();
    print({ label, called, result });
    return result;
  } catch (thrown) {
    const error = /** @type {any} */ (thrown);
    const official = error instanceof PocketsflowError;
    print({ label, called, error: { official, message: error.message, code: error.code, status: error.status } });
    return /** @type {any} */ (undefined);
  }
}

const pf = watched(new Pocketsflow({ apiKey: key, baseUrl: url }));
print({ methods: methodsOf(pf).map((names) => names.join(".")) });

// ------------------------------------------------------------------------------------------------ what is there

const products = await step("products", () => pf.products.list());
const product = await step("product", () => pf.products.get(products[0]._id));

const orders = await step("orders", () => pf.orders.list());
await step("orders, page 2 of 7", () => pf.orders.list({ page: 2, pageSize: 7 }));
await step("orders of a product", () => pf.orders.list({ productId: orders.orders[0].productId, pageSize: 100 }));
const { createdAt } = orders.orders[5];
await step("orders of a span", () => pf.orders.list({ startDate: createdAt.slice(0, 10), endDate: createdAt }));
await step("order", () => pf.orders.get(orders.orders[0]._id));

const customers = await step("customers", () => pf.customers.list());
await step("customers, 3 from 2", () => pf.customers.list({ limit: 3, offset: 2 }));
await step("customers, sorted", () => pf.customers.list({ sortBy: "email", sortOrder: "desc", limit: 50 }));
await step("customer by address", () => pf.customers.list({ email: customers[1].buyerEmail }));
await step("customers of a product", () => pf.customers.list({ productId: orders.orders[0].productId }));
await step("customer", () => pf.customers.get(customers[0]._id));

const reviews = await step("reviews", () => pf.reviews.list());
await step("reviews of a product", () => pf.reviews.list({ productId: reviews[0].productId }));

// --------------------------------------------------------------------------------------------------- the catalogue

await step("webhooks", () => pf.webhooks.list());
const hook = await step("create webhook", () =>
  pf.webhooks.create({ url: hookUrl, events: ["product.created", "product.updated", "order.refunded"] }),
);

const course = await step("create product", () =>
  pf.products.create({ name: "Stranger's course", price: 12.5, description: "By another program", published: false }),
);
await step("update product", () => pf.products.update(course._id, { price: 13.75, description: "Changed" }));
await step("read product", () => pf.products.get(course._id));
const variant = await step("create variant", () =>
  pf.variants.create({ productId: course._id, name: "Team", price: 49.99 }),
);
await step("delete variant", () => pf.variants.delete(variant._id));

await step("discounts", () => pf.discounts.list());
const discount = await step("create discount", () =>
  pf.discounts.create({
    name: "Stranger's sale",
    code: "STRANGER15",
    value: 15,
    valueType: "percentage",
    mainProductIds: [course._id],
    expiration: "2030-12-31",
  }),
);
await step("update discount", () => pf.discounts.update(discount._id, { value: 20, active: false }));
await step("read discount", () => pf.discounts.get(discount._id));

await step("upsells", () => pf.upsells.list());
const upsell = await step("create upsell", () =>
  pf.upsells.create({ mainProductIds: [product._id], upsellProductId: course._id, upsellPrice: 9.99, offer: "More" }),
);
await step("update upsell", () => pf.upsells.update(upsell._id, { upsellPrice: 8.5, primaryButtonText: "Yes" }));
await step("read upsell", () => pf.upsells.get(upsell._id));

// ---------------------------------------------------------------------------------------------------- memberships

await step("offers", () => pf.subscriptionOffers.list());
const offer = await step("create offer", () =>
  pf.subscriptionOffers.create({ name: "Stranger's club", price: 15, frequency: "monthly", trialPeriod: 7 }),
);
await step("read offer", () => pf.subscriptionOffers.get(offer._id));

await step("members", () => pf.subscriptions.list());
const page = await step("active members", () => pf.subscriptions.list({ status: "active", page: 1, pageSize: 50 }));
await step("members of a span", () => pf.subscriptions.list({ startDate: "2020-01-01", endDate: "2020-01-02" }));
const renewed = page.subscriptions.filter(
  (/** @type {any} */ member) => member.currentPeriodStart > member.createdAt,
);
await step("refund member", () => pf.subscriptions.refund(renewed[0].stripeSubscriptionId));
await step("cancel member", () => pf.subscriptions.cancel(renewed[1].stripeSubscriptionId));
await step("read member", () => pf.subscriptions.get(renewed[1]._id));

// ------------------------------------------------------------------------------------------------ money and account

await step("checkout", () =>
  pf.checkout.create({
    productId: course._id,
    successUrl: "https://example.com/thanks",
    cancelUrl: "https://example.com/cart",
    customerEmail: "buyer@example.com",
    metadata: { cart: 7, from: { page: "home" } },
  }),
);
await step("checkout of an offer", () =>
  pf.checkout.create({
    productId: offer._id,
    successUrl: "https://example.com/thanks",
    cancelUrl: "https://example.com/cart",
  }),
);
const paid = orders.orders.filter((order) => !order.isRefunded);
await step("refunds", () => pf.refunds.list());
const refund = await step("refund order", () => pf.refunds.create({ orderId: paid[0]._id, reason: "Changed my mind" }));
await step("refund part of an order", () => pf.refunds.create({ orderId: paid[1]._id, amount: 1.25 }));
await step("read refund", () => pf.refunds.get(refund._id));

await step("me", () => pf.users.me());
await step("update me", () => pf.users.update({ firstName: "Ada", lastName: "Stranger", country: "DE" }));

await step("test webhook", () => pf.webhooks.test(hook._id));
await step("update webhook", () => pf.webhooks.update(hook._id, { description: "Mine", active: false }));
await step("read webhook", () => pf.webhooks.get(hook._id));

// ------------------------------------------------------------------------------------------------------ and errors

const nobody = "0".repeat(24);
await step("wrong key", () => new Pocketsflow({ apiKey: "pk_test_wrong", baseUrl: url }).products.list());
await step("unknown product", () => pf.products.get(nobody));
await step("unknown order", () => pf.orders.get(nobody));
await step("unknown member", () => pf.subscriptions.cancel("sub_nobody"));
await step("refund of an unknown order", () => pf.refunds.create({ orderId: nobody }));
const nothing = /** @type {any} */ ({});
await step("product without a name", () => pf.products.create({ ...nothing, price: 5 }));
await step("product with a price in words", () => pf.products.create({ ...nothing, name: "A", price: "five" }));
await step("checkout of nothing", () => pf.checkout.create(nothing));
await step("refund twice", () => pf.refunds.create({ orderId: paid[0]._id }));
await step("no such route", () => pf.request("GET", "/nowhere"));

const hurried = new Pocketsflow({ apiKey: key, baseUrl: quotaUrl });
await step("within the quota", () => hurried.users.me());
await step("beyond the quota", () => hurried.users.me());
await step("no answer", () => new Pocketsflow({ apiKey: key, baseUrl: silentUrl, timeout: 100 }).users.me());

// ----------------------------------------------------------------------------------------------- what was made goes

await step("delete webhook", () => pf.webhooks.delete(hook._id));
await step("delete upsell", () => pf.upsells.delete(upsell._id));
await step("delete discount", () => pf.discounts.delete(discount._id));
await step("delete product", () => pf.products.delete(course._id));
await step("deleted product", () => pf.products.get(course._id));
