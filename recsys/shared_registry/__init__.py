"""Shared registry: releases in an object storage, which several hosts mirror into their homes."""
