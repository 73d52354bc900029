using System.Linq;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Whose breath it is at each node: none takes part in two at once. Three sources that press one target at the same time are served little faster, and each
/// of them waits, serving nobody, until the others' keys are in as well.
/// </summary>
internal sealed class NodeTurns() : Turns<(string SourceId, string TargetId)>((breath, working) =>
    working.All(other => other.SourceId != breath.SourceId && other.SourceId != breath.TargetId && other.TargetId != breath.SourceId && other.TargetId != breath.TargetId));
