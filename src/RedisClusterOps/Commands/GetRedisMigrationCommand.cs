using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>What ran, from the journal: which operation, how far it came, since when, when it last got on, and whether it can be gone on with. Needs no cluster.</summary>
[Cmdlet(VerbsCommon.Get, "RedisMigration")]
[OutputType(typeof(RedisMigration))]
public sealed class GetRedisMigrationCommand : RedisClusterCmdlet
{
    private ISet<string>? _nodes;

    /// <summary>Only these runs: an id, or the beginning of one.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MigrationCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Only those that are at work now.</summary>
    [Parameter]
    public SwitchParameter Running { get; set; }

    /// <summary>Folder of the journal. Unless told, the one that the variable REDISCLUSTEROPS_JOURNAL names, else the user's own data folder.</summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var folder = JournalPath is null ? null : GetUnresolvedProviderPathFromPSPath(JournalPath);
        // A cluster that is merely current is no wish to see only its runs.
        var session = Cluster?.Resolve();
        if (session is not null)
            _nodes ??= new HashSet<string>(Await(Open(session).GetNodesAsync(Stop), "Reading the cluster").Select(node => node.Id));
        var written = new HashSet<string>();
        foreach (var id in Id ?? [null!])
        {
            try
            {
                // Two prefixes may name the same run.
                foreach (var run in RedisCluster.GetMigrations(folder, id).Where(run => IsWanted(run) && written.Add(run.Id)))
                    WriteObject(run with { Cluster = session });
            }
            catch (RedisOperationException failure) when (failure.Code == FailureCode.MigrationNotFound)
            {
                WriteError(ErrorRecords.From(failure, id));
            }
        }
    }

    private bool IsWanted(RedisMigration run) => (!Running || run.IsRunning) && (_nodes is null || run.NodeIds.Any(_nodes.Contains));
}
