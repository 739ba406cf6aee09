"""A page over the live totals with pandas: `DATABASE_URL=... streamlit run app.py`."""

import os

import pandas as pd
import streamlit as st
from sqlalchemy import create_engine


@st.cache_resource
def engine(url: str):
    """One pool of connections for all who look."""
    return create_engine("postgresql+psycopg://" + url.partition("://")[2])


@st.cache_data(ttl="2s")  # totals are live: older is not worth showing
def read(question: str) -> pd.DataFrame:
    """The answer to a question."""
    return pd.read_sql(question, engine(os.environ["DATABASE_URL"]))


sales = read("SELECT day, currency, orders, revenue::float AS revenue, customers FROM daily_sales ORDER BY day")
interest = read("SELECT customer_type, product, interactions FROM product_interest")

st.title("Live Customer 360")
orders, revenue = st.columns(2)
orders.metric("Orders", f"{sales['orders'].sum():,}")
for currency, amount in sales.groupby("currency")["revenue"].sum().items():
    revenue.metric(f"Revenue, {currency}", f"{amount:,.2f}")
st.subheader("Revenue per day")
st.line_chart(sales.pivot_table(index="day", columns="currency", values="revenue", aggfunc="sum"))
st.subheader("What customers of each type talk about")
st.dataframe(interest.pivot_table(index="customer_type", columns="product", values="interactions", aggfunc="sum"))
