using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>What earlier checks left in the state file of alerts, and whether this check can be recorded there.</summary>
/// <param name="Path">The state file; null for none.</param>
/// <param name="Observations">What earlier checks observed.</param>
/// <param name="Failure">Why this check can't be recorded: the file belongs to another cluster. Null if it can.</param>
internal sealed record AlertState(string? Path, IReadOnlyList<Observation> Observations, RedisOperationException? Failure)
{
    private bool IsDamaged { get; init; }

    /// <summary>Reads a state file that will not be written. The log says if there is nothing to read.</summary>
    public static AlertState ReadOnly(string? path, ClusterView view, OperationLog? log)
    {
        var state = Read(path, view, isWritten: false, log);
        if (state.Failure is { Next: { } next } foreign)
            log?.Warning(null, foreign.Message + " Times count from now. Next: " + log.NextActionText(next));
        else if (path is not null && !File.Exists(path))
        {
            var shown = "'" + Printable.Clean(path) + "'";
            log?.Warning(null, (Directory.Exists(path) ? shown + " is a folder, not a state file" : "There is no state file " + shown)
                + ". Times count from now.");
        }

        return state;
    }

    /// <param name="path">The state file; null for none.</param>
    /// <param name="view">The cluster. The file of another cluster must not be overwritten.</param>
    /// <param name="isWritten">True if this check will be recorded in the file.</param>
    /// <param name="log">Receives a warning about a damaged file.</param>
    public static AlertState Read(string? path, ClusterView view, bool isWritten, OperationLog? log)
    {
        if (path is null)
            return new AlertState(null, [], null);
        try
        {
            var (nodeIds, observations) = ObservationFile.Read(path);
            return nodeIds.Count == 0 || nodeIds.Any(id => view.Node(id) is not null)
                ? new AlertState(path, observations, null)
                : new AlertState(path, [], new RedisOperationException(
                    FailureCode.StateFileUnavailable,
                    "'" + Printable.Clean(path) + "' is the state file of another cluster. It was not changed"
                        + (isWritten ? ", and this check was not recorded." : "."),
                    path,
                    new NextAction(NextActionCode.WriteAlertState) { Node = "<a file of its own for each cluster>" }));
        }
        catch (FormatException damage)
        {
            log?.Warning(null, "'" + Printable.Clean(path) + "' is not a valid state file: " + damage.Message + ". "
                + (isWritten ? "It is kept as '" + Printable.Clean(path) + ".damaged'. " : string.Empty) + "Times count from now.");
            return new AlertState(path, [], null) { IsDamaged = true };
        }
    }

    /// <summary>Records this check. A damaged file is kept beside the new one.</summary>
    /// <returns>Why it could not be recorded; null if it was, or if there is no state file.</returns>
    public RedisOperationException? Write(ClusterView view, IReadOnlyList<Observation> observations, DateTime now)
    {
        if (Path is null)
            return null;
        try
        {
            ObservationFile.Write(Path, view.NodeIds, observations, now, IsDamaged ? Path + ".damaged" : null);
            return null;
        }
        catch (RedisOperationException unwritten)
        {
            return unwritten;
        }
    }
}
