"""What is measured: ratios in one run, beside something that does less."""
