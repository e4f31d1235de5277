from .interface import Format as Format
from .interface import find_format as find_format
from .interface import list_formats as list_formats
from .rows.imported_records import ImportedRecords as ImportedRecords
from .rows.unmapped_fields import SourceRows as SourceRows
from .rows.unmapped_fields import UnmappedFields as UnmappedFields
