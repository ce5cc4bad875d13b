"""Legal oddities of real servers, which nothing may be held against."""
