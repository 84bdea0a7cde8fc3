// What shows one patient: drawn again when something about that patient came, or a second passed; never because of a neighbour.
import { Component } from "./view.js";

/** A subclass gives its outermost element `ref=${this.outermost}`: by it is known what is in sight. */
export class Watching extends Component {
  outermost = (element) => {
    this.element = element;
  };

  componentDidMount() {
    this.unwatch = this.props.app.frames.watch(this.props.id, () => this.forceUpdate(), this.element);
  }

  componentWillUnmount() {
    this.unwatch();
  }

  shouldComponentUpdate() {
    return false;
  }
}
