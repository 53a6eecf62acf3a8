"""Files of customers, as spreadsheets and programs write them."""
