"""A thousand companies with more mails than a benchmark takes, and one more that everybody asks for at once."""

COMPANIES = 1_000
# The company that everybody asks for; the others are 1 to COMPANIES.
BUSY = 0
# More than any benchmark takes.
ALLOWANCE = 1_000_000_000
PLAN = "business"
# Days from today.
PERIOD = (-10, 20)


def company(number):
    """The company's identifier; reserve.lua makes the same one of a number."""
    return f"00000000-0000-4000-8000-{number:012d}"


def company_sql(number):
    """The same in SQL, of an expression."""
    return f"('00000000-0000-4000-8000-' || lpad(({number})::text, 12, '0'))::uuid"


def customer(number):
    return f"cus_bench{number}"


def subscription(number):
    return f"sub_bench{number}"


def seed():
    """Statements that make the companies: paying ones, in the middle of a month, each linked to a customer and a subscription of the stub."""
    identifier = company_sql("n")
    everyone = f"from generate_series({BUSY}, {COMPANIES}) n"
    period = ", ".join(f"date_trunc('day', now(), 'UTC') + interval '{days} days'" for days in PERIOD)
    return (
        # Everybody knows of their access, and the clock changes nothing for a month.
        f"""insert into billing.subscriptions (tenant_id, plan, status, period_start, period_end, stripe_subscription, interval, announced_access,
            access_due_at, created_at)
        select {identifier}, '{PLAN}', 'active', {period}, 'sub_bench' || n, 'month', 'full', null, now() {everyone}""",
        f"""insert into billing.mail_periods (tenant_id, period_start, period_end, allowance)
        select {identifier}, {period}, {ALLOWANCE} {everyone}""",
        f"insert into billing.stripe_customers (tenant_id, customer, created_at) select {identifier}, 'cus_bench' || n, now() {everyone}",
        "analyze billing.subscriptions, billing.mail_periods, billing.stripe_customers",
    )


def prices(price):
    """Statements that make the plan's monthly price one that the stub names."""
    return (f"update billing.plan_prices set stripe_price = '{price}' where plan = '{PLAN}' and interval = 'month' and currency = 'USD'",)
