using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Driver;

namespace RedisClusterOps.Cluster.Tests.Processes;

/// <summary>A PowerShell script that runs a request with its cmdlet and writes the same output as the driver.</summary>
internal static class CmdletScript
{
    public static string Of(DriverRequest request) =>
        $$"""
        Import-Module {{Quote(RepositoryFiles.Module)}}
        [Console]::Out.WriteLine('{{DriverRequest.Ready}}')
        $failed = 0
        function Write-Message($code, $text, $next) {
            [Console]::Error.WriteLine((ConvertTo-Json -Compress @{ Code = $code; Text = $text; NextStep = $next }))
        }
        try {
            {{Cmdlet(request)}} 2>&1 3>&1 | ForEach-Object {
                if ($_ -is [System.Management.Automation.ErrorRecord]) {
                    $failed = 1
                    Write-Message ($_.FullyQualifiedErrorId -split ',')[0] "$_" $_.ErrorDetails.RecommendedAction
                } elseif ($_ -is [System.Management.Automation.WarningRecord]) {
                    Write-Message $null "$_" $null
                } else {
                    foreach ($slot in $_.Slot) { [Console]::Out.WriteLine("{`"Slot`":$slot,`"Outcome`":$([int]$_.Outcome)}") }
                }
            }
        } catch {
            Write-Message ($_.FullyQualifiedErrorId -split ',')[0] "$_" $_.ErrorDetails.RecommendedAction
            exit 2
        }
        exit $failed
        """;

    private static string Cmdlet(DriverRequest request)
    {
        var options = request.Options;
        List<string> words = [.. OwnWords(request), "-Cluster", Quote(request.Cluster), "-Confirm:$false"];
        words.AddRange(["-JournalPath", Quote(options.JournalPath!)]);
        words.AddRange(
            ["-MaxKeysPerSecond", Number(options.MaxKeysPerSecond), "-Timeout", Number((int)options.Timeout.TotalSeconds) + "s"]);
        if (options.Method != MoveMethod.Auto)
            words.AddRange(["-Method", options.Method.ToString()]);
        return string.Join(' ', words);
    }

    private static IEnumerable<string> OwnWords(DriverRequest request)
    {
        IEnumerable<string> slot = request.Slot is { } number ? ["-Slot", Number(number)] : [];
        IEnumerable<string> ends = request is { Source: { } source, Target: { } target }
            ? ["-Source", Quote(source), "-Target", Quote(target)]
            : [];
        return request.Operation switch
        {
            DriverOperation.Complete => ["Complete-RedisSlotMigration", .. slot, .. ends],
            DriverOperation.Undo => ["Undo-RedisSlotMigration", .. slot, .. ends, "-Strategy", request.Strategy.ToString()],
            DriverOperation.Repair => ["Repair-RedisCluster", .. slot],
            DriverOperation.UndoRun => ["Undo-RedisSlotMigration", "-MigrationId", request.MigrationId!],
            DriverOperation.Resume => ["Resume-RedisMigration"],
            DriverOperation.Rebalance => ["Invoke-RedisRebalance", .. AimWords(request.Rebalance)],
            _ => throw new ArgumentOutOfRangeException(nameof(request), request.Operation, "No test runs this by a cmdlet."),
        };
    }

    private static IEnumerable<string> AimWords(RebalanceOptions aim) =>
    [
        "-Threshold", aim.Threshold.ToString(CultureInfo.InvariantCulture),
        .. aim.UseEmptyMaster ? ["-UseEmptyMaster"] : Array.Empty<string>(),
        .. aim.Weights.Count == 0
            ? Array.Empty<string>()
            : ["-Weight", "@{ " + string.Join("; ", aim.Weights.Select(Entry)) + " }"],
    ];

    private static string Entry(KeyValuePair<string, double> weight) =>
        Quote(weight.Key) + " = " + weight.Value.ToString(CultureInfo.InvariantCulture);

    private static string Quote(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
