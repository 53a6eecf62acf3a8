"""Customer files, as spreadsheets and programs write them."""
