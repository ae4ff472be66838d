"""Santurkar, Tsipras, Ilyas, Madry 2018: How Does Batch Normalization Help Optimization?"""
