// Two extras; without them everything is still on the page: a theme toggle, and controls for drawings with steps.
(function () {
  'use strict';
  var root = document.documentElement;
  var toggle = document.getElementById('theme');
  var systemDark = window.matchMedia('(prefers-color-scheme: dark)');
  function isDark() {
    return root.dataset.theme ? root.dataset.theme === 'dark' : systemDark.matches;
  }
  function name() {
    toggle.textContent = isDark() ? 'light' : 'dark';
    toggle.setAttribute('aria-label', 'switch to ' + toggle.textContent + ' colours');
  }
  toggle.hidden = false;
  name();
  systemDark.addEventListener('change', name);
  toggle.addEventListener('click', function () {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    name();
  });

  document.querySelectorAll('.stepper').forEach(function (stepper) {
    var svg = document.getElementById(stepper.dataset.for);
    var count = Number(stepper.dataset.count);
    var says = Array.from(stepper.parentNode.querySelectorAll('.steps li'), function (li) { return li.textContent; });
    var section = stepper.closest('section');
    var at = count;
    function show(step) {
      at = Math.min(Math.max(step, 1), count);
      svg.querySelectorAll('.step').forEach(function (part) {
        var own = Number((/(?:^| )step-(\d+)/.exec(part.getAttribute('class')) || [0, 0])[1]);
        part.classList.toggle('future', own > at);
        part.classList.toggle('current', own === at);
      });
      svg.querySelectorAll('.state').forEach(function (part) {
        var bounds = /from-(\d+) until-(\d+)/.exec(part.getAttribute('class'));
        part.style.display = Number(bounds[1]) <= at && at < Number(bounds[2]) ? 'inline' : 'none';
      });
      svg.querySelectorAll('.now').forEach(function (part) {
        part.classList.toggle('shown', part.classList.contains('now-' + at));
      });
      stepper.querySelector('.at').textContent = 'step ' + at + ' of ' + count;
      stepper.querySelector('.says').textContent = says[at - 1] || '';
    }
    function go(step) {
      show(step);
      history.replaceState(null, '', '#step-' + at);
    }
    function move(where) {
      go({ first: 1, back: at - 1, on: at + 1, last: count }[where]);
    }
    stepper.hidden = false;
    stepper.addEventListener('click', function (event) {
      var button = event.target.closest('button');
      if (button) { move(button.dataset.go); }
    });
    section.addEventListener('keydown', function (event) {
      var where = { ArrowLeft: 'back', ArrowRight: 'on', Home: 'first', End: 'last' }[event.key];
      if (where && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        move(where);
      }
    });
    function fromHash() {
      var wanted = /^#step-(\d+)$/.exec(location.hash);
      show(wanted ? Number(wanted[1]) : at);
      if (wanted) { section.scrollIntoView(); section.focus({ preventScroll: true }); }
    }
    window.addEventListener('hashchange', fromHash);
    fromHash();
  });
})();
