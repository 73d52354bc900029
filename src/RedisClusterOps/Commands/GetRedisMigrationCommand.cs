using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets past and current runs from the journal: the operation, its progress, its start and last progress, and whether it can be resumed.
/// Needs no cluster.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisMigration")]
[OutputType(typeof(RedisMigration))]
public sealed class GetRedisMigrationCommand : RedisClusterCmdlet
{
    private ISet<string>? _nodes;

    /// <summary>Gets only these runs: an id, or the beginning of one.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MigrationCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Gets only runs in progress.</summary>
    [Parameter]
    public SwitchParameter Running { get; set; }

    /// <summary>
    /// Specifies the folder of the journal. The default is the folder in the environment variable REDISCLUSTEROPS_JOURNAL, otherwise the
    /// user's data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var folder = FilePath(JournalPath);
        // Only -Cluster filters by cluster. The current session does not.
        var session = Cluster?.Resolve();
        if (session is not null)
            _nodes ??= new HashSet<string>(Await(Open(session).GetNodesAsync(Stop), "Reading the cluster").Select(node => node.Id));
        var written = new HashSet<string>();
        foreach (var id in Id ?? [null!])
        {
            try
            {
                // Two prefixes may match the same run. It is written once.
                foreach (var run in RedisCluster.GetMigrations(folder, id).Where(run => Matches(run) && written.Add(run.Id)))
                    WriteObject(run.Of(session));
            }
            catch (RedisOperationException failure) when (failure.Code == FailureCode.MigrationNotFound)
            {
                WriteError(ErrorRecords.From(failure, id));
            }
        }
    }

    private bool Matches(RedisMigration run) => (!Running || run.IsRunning) && (_nodes is null || run.NodeIds.Any(_nodes.Contains));
}
