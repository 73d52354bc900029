using System;
using System.IO;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Writes a report of a cluster as one self-contained HTML page: alerts, findings, slot map, open slots, nodes, clients, and the
/// runs in its journal.
/// </summary>
[Cmdlet(VerbsData.Export, "RedisClusterReport", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportRedisClusterReportCommand : ClusterOnlyCmdlet
{
    private RedisClusterSession? _reported;

    /// <summary>Specifies the file to write. An existing file is replaced.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = string.Empty;

    /// <summary>Fails if the file exists, instead of replacing it.</summary>
    [Parameter]
    [Alias("NoOverwrite")]
    public SwitchParameter NoClobber { get; set; }

    /// <summary>Has no effect: the file is always returned.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Also checks every master for keys of slots that it does not own.</summary>
    [Parameter]
    public SwitchParameter Deep { get; set; }

    /// <summary>Specifies how many replicas every master with slots must have. The default is 0.</summary>
    [Parameter]
    [ValidateRange(0, 16383)]
    public int MinimumReplica { get; set; }

    /// <summary>
    /// Specifies how long an open slot may make no progress before the report lists it as an alert. The default is 30 minutes.
    /// </summary>
    [Parameter]
    [Duration]
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>
    /// Specifies the state file of <c>Get-RedisClusterAlert -StatePath</c>, which records since when each problem exists. The file is read,
    /// not changed.
    /// </summary>
    [Parameter]
    public string? StatePath { get; set; }

    /// <summary>
    /// Specifies the folder of the journal. The default is the folder in the environment variable REDISCLUSTEROPS_JOURNAL, otherwise the
    /// user's data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var session = GetSession();
        // Several objects of one cluster, such as its nodes, make one report. A second cluster would silently overwrite the first.
        if (_reported is not null && (ReferenceEquals(session, _reported) || session.ToString() == _reported.ToString()))
            return;
        var file = GetUnresolvedProviderPathFromPSPath(Path);
        if (_reported is not null)
        {
            throw new RedisOperationException(
                FailureCode.ReportNotWritten,
                "'" + Path + "' already contains the report of " + _reported + ". A file holds the report of one cluster.",
                Path,
                new NextAction(NextActionCode.WriteReport) { Node = "<another file for " + session + ">" });
        }

        ClusterReport.RequireFree(file, NoClobber);
        var options = new HealthOptions { Deep = Deep, MinimumReplica = MinimumReplica };
        var watch = new AlertOptions
        {
            StuckAfter = StuckAfter,
            StatePath = FilePath(StatePath),
            JournalPath = FilePath(JournalPath),
        };
        var report = Await(Open(session).GetReportAsync(options, watch, Stop), "Reading the cluster");
        _reported = session;
        if (!ShouldProcess(file, "Write the report of " + session))
            return;
        report.Save(file, NoClobber);
        WriteObject(new FileInfo(file));
    }
}
