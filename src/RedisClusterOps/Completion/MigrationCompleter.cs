using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Completion;

/// <summary>Completes the id of a run in the journal, newest first.</summary>
public class MigrationCompleter : ClusterCompleter
{
    internal virtual bool Fits(RedisMigration run) => true;

    internal override IEnumerable<CompletionResult> Complete(string command, string word, IDictionary bound) =>
        RedisCluster.GetMigrations(Resolved(ValueOf(command, "JournalPath", bound)), null)
            .Where(run => Fits(run) && run.Id.StartsWith(word, StringComparison.OrdinalIgnoreCase))
            .Select(run => Result(run.Id, run.Id, ToolTip(run)));

    private static string ToolTip(RedisMigration run) => string.Format(
        CultureInfo.InvariantCulture,
        "{0} {1}, {2} of {3} slots, last progress {4:u}",
        run.Operation,
        run.State,
        run.SlotsDone,
        run.SlotCount,
        run.LastProgress);

    // Resolves the path as the cmdlet does, including ~ and PowerShell drives.
    private static string? Resolved(object? path)
    {
        if (path is null)
            return null;
        using var shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        return shell.AddScript("param($path) $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)")
            .AddArgument(path).Invoke().FirstOrDefault()?.ToString();
    }
}

/// <summary>Completes the id of a run that can be resumed.</summary>
public sealed class ResumableCompleter : MigrationCompleter
{
    internal override bool Fits(RedisMigration run) => run.IsResumable;
}
