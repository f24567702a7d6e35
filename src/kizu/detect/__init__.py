"""Maps, masks, regions and registration: arrays in, arrays out."""
