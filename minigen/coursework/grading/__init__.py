"""The side that asks, compares and marks. It never imports a submission, and trusts nothing that comes from one."""
