"""An LLM-as-judge evaluation harness: which model is better, by how much, and how sure are we?"""
