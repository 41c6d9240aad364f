"""The side that asks, compares and marks. It never imports a submission, and believes nothing that comes from one."""
