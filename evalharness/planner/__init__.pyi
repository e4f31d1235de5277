from .benchmark_eligibility import NO_BENCHMARKS as NO_BENCHMARKS
from .benchmark_eligibility import BenchmarkPlan as BenchmarkPlan
from .benchmark_eligibility import benchmark_digest as benchmark_digest
from .benchmark_eligibility import describe_benchmarks as describe_benchmarks
from .benchmark_eligibility import plan_benchmarks as plan_benchmarks
from .benchmark_eligibility import refuse_benchmarks_on_nodes as refuse_benchmarks_on_nodes
from .benchmark_eligibility import uses_chat_template as uses_chat_template
from .cost import ANSWER_TOKENS as ANSWER_TOKENS
from .cost import JUDGMENT_TOKENS as JUDGMENT_TOKENS
from .cost import THOUGHT_TOKENS as THOUGHT_TOKENS
from .cost import CostEstimate as CostEstimate
from .cost import estimate_costs as estimate_costs
from .cost import is_price_missing as is_price_missing
from .detectable_difference import (
    describe_detectable_differences as describe_detectable_differences,
)
from .missing_models import find_missing as find_missing
from .missing_models import find_missing_on_engine as find_missing_on_engine
from .missing_models import refuse_missing_judges as refuse_missing_judges
from .missing_models import refuse_missing_models as refuse_missing_models
from .notices import list_notices as list_notices
from .plan import describe_plan as describe_plan
from .sample_size import describe_sample_sizes as describe_sample_sizes
from .variance_shares import describe_variance_shares as describe_variance_shares
from .variance_shares import pair_variance_components as pair_variance_components
from .variance_shares import score_variance_components as score_variance_components
