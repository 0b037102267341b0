"""Makers: each a module that registers one."""
