"""Model families: one row of facts and one adapter file each."""
