using System;
using System.IO;
using System.Management.Automation;
using RedisClusterOps.Reports;

namespace RedisClusterOps.Commands;

/// <summary>Writes what there is to know of a cluster into one self-contained HTML page: alerts, findings, slot map, open slots, nodes, and what ran on it.</summary>
[Cmdlet(VerbsData.Export, "RedisClusterReport", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportRedisClusterReportCommand : RedisClusterCmdlet
{
    private RedisClusterSession? _written;

    /// <summary>The file to write. What was there before is replaced.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = string.Empty;

    /// <summary>A file that is there already is an error, not replaced.</summary>
    [Parameter]
    [Alias("NoOverwrite")]
    public SwitchParameter NoClobber { get; set; }

    /// <summary>Emit the file.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Also look on every master for keys of slots that it does not own.</summary>
    [Parameter]
    public SwitchParameter Deep { get; set; }

    /// <summary>Replicas that every master with slots must have. 0 unless told.</summary>
    [Parameter]
    [ValidateRange(0, 16383)]
    public int MinimumReplica { get; set; }

    /// <summary>How long an open slot may make no progress before the report has it as an alert. 30 minutes unless told.</summary>
    [Parameter]
    [Duration]
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>The file of a watcher (<c>Get-RedisClusterAlert -StatePath</c>), which knows since when each trouble has been there. It is read, and left as it is.</summary>
    [Parameter]
    public string? StatePath { get; set; }

    /// <summary>Folder of the journal. Unless told, the one that the variable REDISCLUSTEROPS_JOURNAL names, else the user's own data folder.</summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var session = FindSession() ?? throw ErrorRecords.NoCluster();
        // Objects of one cluster, such as its nodes, are one report. A second cluster would take the place of the first without a word.
        if (_written is not null && (ReferenceEquals(session, _written) || session.ToString() == _written.ToString()))
            return;
        var file = GetUnresolvedProviderPathFromPSPath(Path);
        if (_written is not null)
            throw new RedisOperationException(FailureCode.ReportNotWritten, "'" + Path + "' has the report of " + _written + " already, and one file holds one cluster.", Path, "Export-RedisClusterReport for each cluster, with a -Path of its own");
        ReportFile.RequireFree(file, NoClobber);
        var options = new HealthOptions { Deep = Deep, MinimumReplica = MinimumReplica };
        var watch = new AlertOptions
        {
            StuckAfter = StuckAfter,
            StatePath = StatePath is null ? null : GetUnresolvedProviderPathFromPSPath(StatePath),
            JournalPath = JournalPath is null ? null : GetUnresolvedProviderPathFromPSPath(JournalPath),
        };
        var report = Await(Open(session).GetReportAsync(options, watch, Stop), "Reading the cluster");
        _written = session;
        if (!ShouldProcess(file, "Write the report of " + session))
            return;
        ReportFile.Write(file, report, NoClobber);
        if (PassThru)
            WriteObject(new FileInfo(file));
    }
}
