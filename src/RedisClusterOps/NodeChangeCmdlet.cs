using System.Management.Automation;
using System.Threading.Tasks;

namespace RedisClusterOps;

/// <summary>A cmdlet that changes members or roles. It plans first, asks for consent, and carries out the plan.</summary>
public abstract class NodeChangeCmdlet : ClusterOnlyCmdlet
{
    /// <summary>
    /// Specifies the folder of the journal, which records each run, its commands and its end. The default is the folder in the environment
    /// variable REDISCLUSTEROPS_JOURNAL, otherwise the user's data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    /// <summary>
    /// Plans a change of one node, asks for consent, carries it out and writes the result. A failure that concerns only this node does not
    /// end the pipeline.
    /// </summary>
    internal void Change(RedisCluster cluster, Task<MembershipPlan> planning, string node)
    {
        try
        {
            var plan = Await(planning, "Reading the cluster");
            if (Consent(plan))
                Write(cluster, plan, CarryOut(cluster, plan));
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            ReportStop(failure);
            WriteError(ErrorRecords.From(failure, node));
        }
    }

    /// <summary>True if the changes are only shown.</summary>
    internal bool IsWhatIf => MyInvocation.BoundParameters.TryGetValue("WhatIf", out var asked)
        ? asked is SwitchParameter { IsPresent: true }
        : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    /// <summary>True if this invocation needs no consent, although the cmdlet has other uses that do.</summary>
    internal virtual bool IsAgreed => false;

    /// <summary>Carries out a plan, and waits until every node reports the change.</summary>
    internal virtual RedisNodeChange CarryOut(RedisCluster cluster, MembershipPlan plan) =>
        Await(cluster.ChangeAsync(plan, Stop), char.ToUpperInvariant(plan.Action[0]) + plan.Action.Substring(1));

    /// <summary>Writes the result of a change.</summary>
    internal virtual void Write(RedisCluster cluster, MembershipPlan plan, RedisNodeChange change) => WriteObject(change);

    /// <summary>Shows the commands of a plan and asks for consent. A plan without commands needs none.</summary>
    internal bool Consent(MembershipPlan plan)
    {
        foreach (var warning in plan.Warnings)
            WriteWarning(warning);
        foreach (var finding in plan.Findings)
            WriteNotices([PlanText.Notice(finding)]);
        return plan.Commands.Count == 0 || IsAgreed || ShouldProcess(
            "Performing the operation \"" + plan.Action + "\" on target \"" + plan.Node + "\"." + PlanText.InFull(plan.Commands, false),
            "Perform the operation \"" + plan.Action + "\" on target \"" + plan.Node + "\"?" + PlanText.InFull(plan.Commands, true),
            "Confirm");
    }
}
