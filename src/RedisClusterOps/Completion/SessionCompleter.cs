using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Completion;

/// <summary>Completes a cluster from the sessions of this runspace.</summary>
public sealed class SessionCompleter : ClusterCompleter
{
    internal override IEnumerable<CompletionResult> Complete(string command, string word, IDictionary bound) => CurrentSession.All
        .Select(session => (Text: session.ToString(), session.User))
        .Where(session => session.Text.StartsWith(word, StringComparison.OrdinalIgnoreCase))
        .Select(session => Result(
            // Without quotes, PowerShell parses several seeds as a list.
            session.Text.Contains(',') ? "'" + session.Text + "'" : session.Text,
            session.Text,
            "connected" + (session.User is null ? string.Empty : " as " + session.User)));
}
