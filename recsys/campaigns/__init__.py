"""Campaigns with a control group: who may be written to, who is drawn into which arm, and the list of the treated."""
